"""The post: letters by their outside, states, running numbers.

Revision: 0002_intake, after 0001_ground.
"""

import sqlalchemy as sa
from alembic import op

from fleet.database import UtcDateTime

revision = "0002_intake"
down_revision = "0001_ground"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "letters",
        sa.Column("letter", sa.String(length=36), nullable=False),
        sa.Column("box", sa.String(length=32), nullable=False),
        sa.Column("recipient", sa.String(length=64), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("size_bytes", BIG, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("attempt", BIG, nullable=False),
        sa.Column("duplicates", BIG, nullable=False),
        sa.Column("begun_at", UtcDateTime(), nullable=False),
        sa.Column("complete_at", UtcDateTime(), nullable=True),
        sa.Column("cursor", BIG, nullable=True),
        sa.Column("receipt", sa.Text(), nullable=True),
        sa.Column("delivered_at", UtcDateTime(), nullable=True),
        sa.Column("erased_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("letter"),
    )
    op.create_index("ix_letters_recipient_cursor", "letters", ["recipient", "cursor"], unique=True)
    op.create_index("ix_letters_box_complete", "letters", ["box", "complete_at"], unique=False)
    op.create_index("ix_letters_delivered_at", "letters", ["delivered_at"], unique=False)
    op.create_table(
        "letter_states",
        sa.Column("box", sa.String(length=32), nullable=False),
        sa.Column("cursor", BIG, autoincrement=False, nullable=False),
        sa.Column("letter", sa.String(length=36), nullable=False),
        sa.Column("step", BIG, nullable=False),
        sa.Column("word", sa.String(length=30), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["letter"], ["letters.letter"]),
        sa.PrimaryKeyConstraint("box", "cursor"),
    )
    op.create_index("ix_letter_states_letter_step", "letter_states", ["letter", "step"], unique=True)
    op.create_table(
        "intake_counters",
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("value", BIG, nullable=False),
        sa.PrimaryKeyConstraint("name"),
    )
