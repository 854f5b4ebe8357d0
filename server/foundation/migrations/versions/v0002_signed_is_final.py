"""A signed revision is final in the database too, whoever writes to it."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MESSAGE = "a signed revision is final"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"""
            CREATE FUNCTION keep_signed_revision() RETURNS trigger AS $$
            BEGIN
                IF OLD.signed_at IS NOT NULL THEN RAISE EXCEPTION '{MESSAGE}'; END IF;
                IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
                RETURN NEW;
            END
            $$ LANGUAGE plpgsql
            """
        )
        op.execute(
            "CREATE TRIGGER keep_signed_revision BEFORE UPDATE OR DELETE ON revision "
            "FOR EACH ROW EXECUTE FUNCTION keep_signed_revision()"
        )
        return
    for deed in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER keep_signed_revision_{deed.lower()} BEFORE {deed} ON revision "
            f"WHEN OLD.signed_at IS NOT NULL BEGIN SELECT RAISE(ABORT, '{MESSAGE}'); END"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER keep_signed_revision ON revision")
        op.execute("DROP FUNCTION keep_signed_revision()")
        return
    for deed in ("update", "delete"):
        op.execute(f"DROP TRIGGER keep_signed_revision_{deed}")
