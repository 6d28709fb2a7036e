/** As much XML as S3 needs. */

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

export function document(name: string, ...inner: string[]): string {
  const namespace = name === 'Error' ? '' : ' xmlns="http://s3.amazonaws.com/doc/2006-03-01/"';
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${name}${namespace}>${inner.join('')}</${name}>`;
}

export function group(name: string, ...inner: string[]): string {
  return `<${name}>${inner.join('')}</${name}>`;
}

/** An element with text, or nothing at all for `undefined`. */
export function tag(name: string, value: string | number | boolean | undefined): string {
  return value === undefined ? '' : `<${name}>${escape(String(value))}</${name}>`;
}

/** The insides of all elements of a name, in order; elements of that name must not nest. */
export function blocks(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}(?:\\s[^>]*)?(?:/>|>([\\s\\S]*?)</${name}>)`, 'g'))].map(match => match[1] ?? '');
}

/** The text of the first element of a name. */
export function text(xml: string, name: string): string | undefined {
  const found: string | undefined = blocks(xml, name)[0];
  return found?.replace(/&(?:#x([0-9a-f]+)|#(\d+)|(\w+));/gi, (whole, hex?: string, decimal?: string, named?: string) =>
    named !== undefined ? ENTITIES[named] ?? whole : String.fromCodePoint(hex !== undefined ? parseInt(hex, 16) : Number(decimal)));
}

function escape(value: string): string {
  const named: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  return value.replace(/[&<>"\r\n\t]/g, character => named[character] ?? `&#${character.charCodeAt(0)};`);
}
