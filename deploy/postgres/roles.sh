#!/bin/sh
# Make the roles of Imagemill: one that owns the tables and changes them (`imagemill migrate`), and one for each
# service, which reads and writes the rows of its own schema and nothing else. Runs once, as the
# superuser, where the database is new; again it only sets the passwords.
#
# IMAGEMILL_PASSWORDS is a folder with the files password-ROLE. psql finds the server by PGHOST and its like.
set -eu
database=${POSTGRES_DB:-imagemill}
superuser=${POSTGRES_USER:-postgres}

run() { psql --quiet --no-psqlrc --set ON_ERROR_STOP=1 --username "$superuser" --dbname "$database" "$@"; }

role() { # NAME: a role that may log in, with the password of its file
  run --set name="imagemill_$1" --set password="$(cat "$IMAGEMILL_PASSWORDS/password-$1")" <<'SQL'
SELECT format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE', :'name')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'name') \gexec
ALTER ROLE :"name" PASSWORD :'password';
SQL
}

schema() { # NAME: a schema of the owner, whose rows the service of that name may read and write
  run --set schema="$1" --set service="imagemill_$1" --set database="$database" <<'SQL'
CREATE SCHEMA IF NOT EXISTS :"schema" AUTHORIZATION imagemill_owner;
GRANT CONNECT ON DATABASE :"database" TO :"service";
GRANT USAGE ON SCHEMA :"schema" TO :"service";
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA :"schema" TO :"service";
GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA :"schema" TO :"service";
ALTER DEFAULT PRIVILEGES FOR ROLE imagemill_owner IN SCHEMA :"schema"
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"service";
ALTER DEFAULT PRIVILEGES FOR ROLE imagemill_owner IN SCHEMA :"schema"
  GRANT USAGE, SELECT ON SEQUENCES TO :"service";
SQL
}

role owner
run --set database="$database" <<'SQL'
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT CONNECT, CREATE ON DATABASE :"database" TO imagemill_owner;
SQL
for service in users images jobs notifications; do
  role "$service"
  schema "$service"
done
