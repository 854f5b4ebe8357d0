#!/bin/sh
# Runs once, in an empty PostgreSQL: two databases, each with an account that sees only its own.
set -eu

for name in margin orthanc; do
    psql --set=ON_ERROR_STOP=1 --username=postgres --set=name="$name" \
        --set=password="$(cat "/run/secrets/${name}_database_password")" <<'SQL'
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name";
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
SQL
    # Orthanc's plugin searches names by trigrams; creating the extension needs the superuser.
    psql --set=ON_ERROR_STOP=1 --username=postgres --dbname="$name" \
        --command='CREATE EXTENSION IF NOT EXISTS pg_trgm'
done
