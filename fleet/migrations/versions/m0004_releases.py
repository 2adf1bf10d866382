"""Published trust bundles, and what all boxes shall have.

Revision: 0004_releases, after 0003_console.
"""

import sqlalchemy as sa
from alembic import op

from fleet.database import UtcDateTime

revision = "0004_releases"
down_revision = "0003_console"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "trust_releases",
        sa.Column("version", BIG, autoincrement=False, nullable=False),
        sa.Column("dated", sa.Date(), nullable=False),
        sa.Column("origin", sa.String(length=120), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", BIG, nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("bundle", sa.LargeBinary(), nullable=False),
        sa.Column("published_at", UtcDateTime(), nullable=False),
        sa.Column("published_by", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("version"),
    )
    wanted = op.create_table(
        "desired_of_all",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("value", BIG, nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    # The row is there from the beginning, so that who publishes has something to lock.
    op.bulk_insert(wanted, [{"name": "trust_version", "value": 0}])
