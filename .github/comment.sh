#!/usr/bin/env bash
# Writes FOLDER/comment.md below the pull request of HEAD (owner:branch) at HEAD_SHA, over what it wrote there before.
#
#     GH_TOKEN=… HEAD=… HEAD_SHA=… GITHUB_REPOSITORY=… .github/comment.sh FOLDER
#
# GitHub shows no picture from an artifact, and none that is part of the text. So pictures go into a commit of their own,
# under refs/ci-pictures/NUMBER: no branch, in no clone, and the next one takes its place.
set -euo pipefail
folder=$1 repository=$GITHUB_REPOSITORY server=${GITHUB_SERVER_URL:-https://github.com}
mark='<!-- unhype: concept lists -->'

# What the run says of itself was written by the pull request; which one it is, only GitHub says.
number=$(gh api --method GET "repos/$repository/pulls" -f state=open -f head="$HEAD" \
  --jq "[.[] | select(.head.sha == \"$HEAD_SHA\") | .number][0] // empty")
if [ -z "$number" ]; then
  echo "no open pull request of $HEAD is at $HEAD_SHA any more: nothing to tell"
  exit 0
fi

text=$(mktemp)
head -c 65000 "$folder/comment.md" > "$text"
if [ "$(head -n 1 "$text")" != "$mark" ]; then
  echo "got a comment without its first line: $mark" >&2
  exit 1
fi

entries=()
for path in "$folder"/*.png; do
  name=$(basename "$path")
  [[ -f $path && ! -L $path && $name =~ ^[A-Za-z0-9_-]+\.png$ ]] || continue
  (($(stat -c %s "$path") <= 80000)) && [ "$(head -c 8 "$path" | od -An -tx1 | tr -d ' \n')" = 89504e470d0a1a0a ] || continue
  blob=$(gh api "repos/$repository/git/blobs" -f encoding=base64 -f content="$(base64 -w 0 "$path")" --jq .sha)
  entries+=("$(jq -n --arg path "$name" --arg sha "$blob" '{$path, mode: "100644", type: "blob", $sha}')")
  ((${#entries[@]} < 10)) || break
done
if ((${#entries[@]})); then
  tree=$(printf '%s\n' "${entries[@]}" | jq -s '{tree: .}' | gh api "repos/$repository/git/trees" --input - --jq .sha)
  commit=$(gh api "repos/$repository/git/commits" -f message="Pictures of pull request $number" -f tree="$tree" --jq .sha)
  gh api --method PATCH "repos/$repository/git/refs/ci-pictures/$number" -f sha="$commit" -F force=true --silent 2> /dev/null ||
    gh api "repos/$repository/git/refs" -f ref="refs/ci-pictures/$number" -f sha="$commit" --silent
  sed -i -E "s#\]\(([A-Za-z0-9_-]+\.png)\)#](${server}/${repository}/blob/${commit}/\1?raw=true)#g" "$text"
fi

before=$(gh api --paginate "repos/$repository/issues/$number/comments" \
  --jq ".[] | select(.user.login == \"github-actions[bot]\" and (.body | startswith(\"$mark\"))) | .id" | head -n 1)
if [ -n "$before" ]; then
  gh api --method PATCH "repos/$repository/issues/comments/$before" -F body=@"$text" --silent
else
  gh api "repos/$repository/issues/$number/comments" -F body=@"$text" --silent
fi
echo "told pull request $number"
