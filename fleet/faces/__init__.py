"""What the fleet's web faces share: who may come in, what every answer carries, how a face is served."""
