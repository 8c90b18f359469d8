#!/usr/bin/env bash
# comment.sh FILE: one comment of ours on pull request $PULL, written anew each time.
set -euo pipefail
body=$(mktemp)
trap 'rm -f "$body"' EXIT
# A comment holds 65 536 characters; what is cut off is in the job's summary.
python3 - "$1" "$body" <<'PYTHON'
import json, sys
text = open(sys.argv[1], encoding="utf-8").read()
cut = "\n\n… the rest is in the job's summary.\n" if len(text) > 65000 else ""
json.dump({"body": text[:65000] + cut}, open(sys.argv[2], "w", encoding="utf-8"))
PYTHON
comments="repos/$GITHUB_REPOSITORY/issues/$PULL/comments"
ours='.[] | select(.body | startswith("<!-- narrowcast -->")) | .id'
number=$(gh api --paginate "$comments" --jq "$ours" | head -n 1)
if [ -n "$number" ]; then
  gh api --silent --method PATCH "repos/$GITHUB_REPOSITORY/issues/comments/$number" --input "$body"
else
  gh api --silent --method POST "$comments" --input "$body"
fi
