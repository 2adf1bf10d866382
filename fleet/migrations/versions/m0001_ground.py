"""The ground: sites, boxes, certificates, recipients, timeline, link, health, orders.

Revision: 0001, the first.
"""

import sqlalchemy as sa
from alembic import op

from fleet.database import UtcDateTime

revision = "0001_ground"
down_revision = None
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "certificates",
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("serial", sa.String(length=40), nullable=False),
        sa.Column("cn", sa.String(length=64), nullable=False),
        sa.Column("ou", sa.String(length=16), nullable=False),
        sa.Column("public_key", sa.String(length=64), nullable=False),
        sa.Column("pem", sa.Text(), nullable=False),
        sa.Column("issued_at", UtcDateTime(), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=False),
        sa.Column("not_after", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.Column("why", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint"),
        sa.UniqueConstraint("serial"),
    )
    op.create_index(op.f("ix_certificates_cn"), "certificates", ["cn"], unique=False)
    op.create_table(
        "events",
        sa.Column("box", sa.String(length=32), nullable=False),
        sa.Column("life", BIG, autoincrement=False, nullable=False),
        sa.Column("seq", BIG, autoincrement=False, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("severity", sa.String(length=120), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("box", "life", "seq"),
    )
    op.create_index(op.f("ix_events_received_at"), "events", ["received_at"], unique=False)
    op.create_table(
        "health_reports",
        sa.Column("box", sa.String(length=32), nullable=False),
        sa.Column("life", BIG, autoincrement=False, nullable=False),
        sa.Column("seq", BIG, autoincrement=False, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("boot", sa.String(length=8), nullable=False),
        sa.Column("uptime_s", BIG, nullable=False),
        sa.Column("load_ratio", sa.Double(), nullable=True),
        sa.Column("temperature_c", sa.Double(), nullable=True),
        sa.Column("throttled", sa.Boolean(), nullable=True),
        sa.Column("memory_total_bytes", BIG, nullable=True),
        sa.Column("memory_available_bytes", BIG, nullable=True),
        sa.Column("disk_total_bytes", BIG, nullable=True),
        sa.Column("disk_free_bytes", BIG, nullable=True),
        sa.Column("disk_read_only", sa.Boolean(), nullable=True),
        sa.Column("net_kind", sa.String(length=120), nullable=True),
        sa.Column("net_up", sa.Boolean(), nullable=True),
        sa.Column("net_rtt_ms", sa.Double(), nullable=True),
        sa.Column("net_sent_bytes", BIG, nullable=True),
        sa.Column("net_received_bytes", BIG, nullable=True),
        sa.Column("devices_bad", BIG, nullable=False),
        sa.Column("outbox_waiting", BIG, nullable=True),
        sa.Column("outbox_oldest_s", BIG, nullable=True),
        sa.Column("outbox_bytes", BIG, nullable=True),
        sa.Column("outbox_sent", BIG, nullable=True),
        sa.Column("outbox_refused", BIG, nullable=True),
        sa.Column("clock_trusted", sa.Boolean(), nullable=True),
        sa.Column("clock_skew_ms", BIG, nullable=True),
        sa.Column("sitting_active", sa.Boolean(), nullable=True),
        sa.Column("sittings_completed", BIG, nullable=True),
        sa.Column("sittings_abandoned", BIG, nullable=True),
        sa.Column("certificate_days", sa.Double(), nullable=True),
        sa.Column("desk_up", sa.Boolean(), nullable=False),
        sa.Column("failed", BIG, nullable=False),
        sa.PrimaryKeyConstraint("box", "life", "seq"),
    )
    op.create_index("ix_health_reports_box_at", "health_reports", ["box", "at"], unique=False)
    op.create_table(
        "heartbeats",
        sa.Column("process", sa.String(length=40), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("listening_since", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("process"),
    )
    op.create_table(
        "latest",
        sa.Column("box", sa.String(length=32), nullable=False),
        sa.Column("heard_at", UtcDateTime(), nullable=True),
        sa.Column("presence", sa.String(length=8), nullable=False),
        sa.Column("presence_at", UtcDateTime(), nullable=True),
        sa.Column("connection", sa.String(length=36), nullable=False),
        sa.Column("why", sa.String(length=120), nullable=False),
        sa.Column("birth", sa.JSON(), nullable=False),
        sa.Column("health_life", BIG, nullable=False),
        sa.Column("health_seq", BIG, nullable=False),
        sa.Column("health_received_at", UtcDateTime(), nullable=True),
        sa.Column("health", sa.JSON(), nullable=False),
        sa.Column("liveness", sa.String(length=8), nullable=False),
        sa.Column("liveness_since", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("box"),
    )
    op.create_index(op.f("ix_latest_liveness"), "latest", ["liveness"], unique=False)
    op.create_table(
        "order_results",
        sa.Column("box", sa.String(length=32), nullable=False),
        sa.Column("life", BIG, autoincrement=False, nullable=False),
        sa.Column("seq", BIG, autoincrement=False, nullable=False),
        sa.Column("order", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("box", "life", "seq"),
    )
    op.create_index(op.f("ix_order_results_order"), "order_results", ["order"], unique=False)
    op.create_table(
        "outbound",
        sa.Column("entry", BIG, autoincrement=True, nullable=False),
        sa.Column("topic", sa.String(length=200), nullable=False),
        sa.Column("shard", sa.String(length=2), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("retain", sa.Boolean(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ref", sa.String(length=60), nullable=False),
        sa.PrimaryKeyConstraint("entry"),
    )
    op.create_table(
        "recipients",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("certificate_pem", sa.Text(), nullable=False),
        sa.Column("fingerprint", sa.String(length=64), nullable=False),
        sa.Column("verification_key", sa.String(length=120), nullable=False),
        sa.Column("added_at", UtcDateTime(), nullable=False),
        sa.Column("current", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_index(op.f("ix_recipients_fingerprint"), "recipients", ["fingerprint"], unique=False)
    op.create_table(
        "refused_messages",
        sa.Column("entry", BIG, autoincrement=True, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("topic", sa.String(length=200), nullable=False),
        sa.Column("code", sa.String(length=80), nullable=False),
        sa.Column("why", sa.String(length=300), nullable=False),
        sa.Column("size_bytes", BIG, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("entry"),
    )
    op.create_index(op.f("ix_refused_messages_at"), "refused_messages", ["at"], unique=False)
    op.create_table(
        "sites",
        sa.Column("site", sa.String(length=8), nullable=False),
        sa.Column("istat", sa.String(length=6), nullable=False),
        sa.Column("comune", sa.String(length=120), nullable=False),
        sa.Column("provincia", sa.String(length=2), nullable=False),
        sa.Column("region", sa.String(length=60), nullable=False),
        sa.Column("office", sa.String(length=120), nullable=False),
        sa.Column("latitude", sa.Double(), nullable=False),
        sa.Column("longitude", sa.Double(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("site"),
    )
    op.create_index(op.f("ix_sites_istat"), "sites", ["istat"], unique=False)
    op.create_index(op.f("ix_sites_provincia"), "sites", ["provincia"], unique=False)
    op.create_table(
        "timeline",
        sa.Column("entry", BIG, autoincrement=True, nullable=False),
        sa.Column("box", sa.String(length=32), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("code", sa.String(length=120), nullable=False),
        sa.Column("severity", sa.String(length=16), nullable=False),
        sa.Column("ref", sa.String(length=40), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("entry"),
    )
    op.create_index("ix_timeline_box_entry", "timeline", ["box", "entry"], unique=False)
    op.create_table(
        "troubles",
        sa.Column("box", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("severity", sa.String(length=120), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("times", BIG, nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("box", "key"),
    )
    op.create_table(
        "twins_reported",
        sa.Column("box", sa.String(length=32), nullable=False),
        sa.Column("life", BIG, nullable=False),
        sa.Column("seq", BIG, nullable=False),
        sa.Column("applied_rev", BIG, nullable=False),
        sa.Column("errors", sa.JSON(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("box"),
    )
    op.create_table(
        "watermarks",
        sa.Column("box", sa.String(length=32), nullable=False),
        sa.Column("life", BIG, autoincrement=False, nullable=False),
        sa.Column("stored", BIG, nullable=False),
        sa.Column("beyond", sa.JSON(), nullable=False),
        sa.Column("gap_since", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("box", "life"),
    )
    op.create_table(
        "boxes",
        sa.Column("box", sa.String(length=32), nullable=False),
        sa.Column("site", sa.String(length=8), nullable=False),
        sa.Column("shard", sa.String(length=2), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("life", BIG, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("enrolled_at", UtcDateTime(), nullable=True),
        sa.Column("retired_at", UtcDateTime(), nullable=True),
        sa.Column("twin_rev", BIG, nullable=False),
        sa.Column("health_every_s", BIG, nullable=False),
        sa.Column("keepalive_s", BIG, nullable=False),
        sa.ForeignKeyConstraint(
            ["site"],
            ["sites.site"],
        ),
        sa.PrimaryKeyConstraint("box"),
    )
    op.create_index(op.f("ix_boxes_site"), "boxes", ["site"], unique=False)
    op.create_table(
        "enrolment_tokens",
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("box", sa.String(length=32), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("first_used_at", UtcDateTime(), nullable=True),
        sa.Column("link_fingerprint", sa.String(length=64), nullable=True),
        sa.Column("desk_fingerprint", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(
            ["box"],
            ["boxes.box"],
        ),
        sa.PrimaryKeyConstraint("token_hash"),
    )
    op.create_index(op.f("ix_enrolment_tokens_box"), "enrolment_tokens", ["box"], unique=False)
    op.create_table(
        "orders",
        sa.Column("order", sa.String(length=36), nullable=False),
        sa.Column("box", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("issued_at", UtcDateTime(), nullable=False),
        sa.Column("deadline", UtcDateTime(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("state_at", UtcDateTime(), nullable=False),
        sa.Column("state_seq", BIG, nullable=False),
        sa.Column("code", sa.String(length=120), nullable=False),
        sa.Column("who", sa.String(length=120), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(
            ["box"],
            ["boxes.box"],
        ),
        sa.PrimaryKeyConstraint("order"),
    )
    op.create_index(op.f("ix_orders_box"), "orders", ["box"], unique=False)
    op.create_index(op.f("ix_orders_state"), "orders", ["state"], unique=False)
