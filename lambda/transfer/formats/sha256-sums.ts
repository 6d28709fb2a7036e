/** A line of sha256sum: a backslash if the name has escapes, the digest, a space, a space or `*`, the name. */
const GNU = /^(?<escape>\\?)(?<sha256>[0-9a-f]{64}) [ *](?<name>.+)$/i;
/** A line of `sha256sum --tag`, and of `sha256` of the BSDs. */
const BSD = /^(?<escape>\\?)SHA256 ?\((?<name>.+)\) ?= ?(?<sha256>[0-9a-f]{64})$/i;
const BARE = /^[0-9a-f]{64}$/i;

const ESCAPES: Record<string, string> = { '\\n': '\n', '\\r': '\r', '\\\\': '\\' };

/**
 * Returns the SHA-256 of a file from a list as `SHA256SUMS` is one, in lower-case hexadecimal digits. The last segment of a path counts as its name.
 * All other lines are skipped, such as those of a signature. A list of nothing but one digest needs no name.
 *
 * @param name Name of the list for the errors.
 */
export function sha256In(list: string, fileName: string, name: string): string {
  const lines = list.split(/\r?\n/).filter(line => line.trim() !== '');
  if (lines.length === 1 && BARE.test(lines[0].trim())) { return lines[0].trim().toLowerCase(); }
  const found = new Set(lines.flatMap(line => digestFor(fileName, line)));
  const [sha256] = found;
  if (sha256 === undefined) {
    throw new Error(`${name} has no SHA-256 of '${fileName}'; it needs a line as sha256sum writes it, for a file with the name of the image`);
  }
  if (found.size > 1) { throw new Error(`${name} has ${found.size} different SHA-256 of '${fileName}'; leave one line, or set 'sha256' instead`); }
  return sha256;
}

function digestFor(fileName: string, line: string): string[] {
  const { escape, sha256, name } = (GNU.exec(line) ?? BSD.exec(line))?.groups ?? {};
  if (sha256 === undefined) { return []; }
  const path = escape === '\\' ? name.replace(/\\[nr\\]/g, escaped => ESCAPES[escaped]) : name;
  return path.split('/').at(-1) === fileName ? [sha256.toLowerCase()] : [];
}
