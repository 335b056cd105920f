#!/bin/sh
# Tell Elasticsearch how long log lines stay and how their fields are typed. May run again at any time.
set -eu
put() { curl -fsS --retry 10 --retry-connrefused -X PUT -H 'content-type: application/json' --data-binary "@$2" "$ELASTICSEARCH/$1"; }
put _ilm/policy/imagemill "$FOLDER/lifecycle.json"
put _index_template/imagemill "$FOLDER/index-template.json"
