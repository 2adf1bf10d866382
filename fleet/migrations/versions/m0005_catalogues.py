"""Published catalogues of practices.

Revision: 0005_catalogues, after 0004_releases.
"""

import sqlalchemy as sa
from alembic import op

from fleet.database import UtcDateTime

revision = "0005_catalogues"
down_revision = "0004_releases"
branch_labels = None
depends_on = None

BIG = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "catalogue_releases",
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
    # The row is there from the beginning, so that who publishes has something to lock.
    wanted = sa.table("desired_of_all", sa.column("name", sa.String), sa.column("value", BIG))
    op.bulk_insert(wanted, [{"name": "catalogue_version", "value": 0}])
