#!/bin/sh
# Run by PostgreSQL's image when it makes its data folder: the database, its owner, and a role that only reads. The same
# as tools/stack makes on a bare machine.
set -eu
psql -X -q -v ON_ERROR_STOP=1 -U postgres -d postgres <<SQL
CREATE ROLE plumbline LOGIN PASSWORD '$(cat /run/secrets/postgres-password)';
CREATE ROLE plumbline_reader LOGIN PASSWORD '$(cat /run/secrets/postgres-reader)';
GRANT pg_read_all_data TO plumbline_reader;
CREATE DATABASE plumbline OWNER plumbline;
SQL
