"""What the fleet publishes for every box. Only a catalogue is judged before it is signed; a trust bundle is just bytes here."""
