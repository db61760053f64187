/** Cuts JSON text without reading its values: what it returns are the very characters that the API server sent. */

/** The text of one value of an object, such as everything after `"spec":`; undefined where there is none. */
export function cutField(object: string, name: string): string | undefined {
  const key = `${JSON.stringify(name)}:`;
  return parts(object)
    .find((part) => part.startsWith(key))
    ?.slice(key.length);
}

/** The texts of an array's elements. */
export function cutItems(array: string): readonly string[] {
  return parts(array);
}

/** What stands between the commas of the outermost object or array. */
function parts(text: string): string[] {
  const inner = text.trim().slice(1, -1);
  const found: string[] = [];
  let depth = 0;
  let start = 0;
  for (let at = 0; at < inner.length; at++) {
    const character = inner[at];
    if (character === '"') at = endOfString(inner, at);
    else if (character === "{" || character === "[") depth++;
    else if (character === "}" || character === "]") depth--;
    else if (character === "," && depth === 0) {
      found.push(inner.slice(start, at));
      start = at + 1;
    }
  }
  const last = inner.slice(start);
  return last === "" ? found : [...found, last];
}

function endOfString(text: string, open: number): number {
  let at = open + 1;
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at;
}
