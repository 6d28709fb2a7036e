/** The EC2 query protocol: parameters in a form, answers in XML. */
import { ServiceError } from '../service';

const NAMESPACE = 'http://ec2.amazonaws.com/doc/2016-11-15/';

export type Xml = string | number | boolean | undefined | Xml[] | { readonly [name: string]: Xml };

/** A request's parameters: lists are numbered from one (`SnapshotId.1`), members joined by dots. */
export class Parameters {
  constructor(private readonly form: URLSearchParams) {}

  public get action(): string { return this.form.get('Action') ?? ''; }

  public text(name: string): string | undefined {
    return this.form.get(name) ?? undefined;
  }

  public required(name: string): string {
    const value = this.text(name);
    if (value === undefined || value === '') {
      throw new ServiceError('MissingParameter', 400, `The request must contain the parameter ${name}`);
    }
    return value;
  }

  public number(name: string): number | undefined {
    const value = this.text(name);
    if (value === undefined) { return undefined; }
    if (!/^-?\d+$/.test(value)) { throw new ServiceError('InvalidParameterValue', 400, `Invalid value '${value}' for ${name}`); }
    return Number(value);
  }

  /** `Name.1`, `Name.2` … */
  public list(name: string): string[] {
    const values: string[] = [];
    for (let i = 1; this.form.has(`${name}.${i}`); i++) { values.push(this.form.get(`${name}.${i}`)!); }
    return values;
  }

  /** Lists of structures: the parameters below `Name.1.`, `Name.2.` … */
  public structures(name: string): Parameters[] {
    const found: Parameters[] = [];
    for (let i = 1; ; i++) {
      const prefix = `${name}.${i}.`;
      const below = [...this.form].filter(([key]) => key.startsWith(prefix));
      if (below.length === 0) { return found; }
      found.push(new Parameters(new URLSearchParams(Object.fromEntries(below.map(([key, value]) => [key.slice(prefix.length), value])))));
    }
  }

  public tags(name = 'Tag'): Record<string, string> {
    return Object.fromEntries(this.structures(name).map(tag => [tag.required('Key'), tag.text('Value') ?? '']));
  }

  public filters(): { readonly name: string; readonly values: string[] }[] {
    return this.structures('Filter').map(filter => ({ name: filter.required('Name'), values: filter.list('Value') }));
  }
}

/** The answer of an operation; lists become `<item>`s, absent values nothing. */
export function answerXml(action: string, requestId: string, members: { readonly [name: string]: Xml }): string {
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${action}Response xmlns="${NAMESPACE}">${content({ requestId, ...members })}</${action}Response>`;
}

export function errorXml(code: string, message: string, requestId: string): string {
  const error = content({ Errors: { Error: { Code: code, Message: message } }, RequestID: requestId });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Response>${error}</Response>`;
}

function content(value: Xml): string {
  if (Array.isArray(value)) { return value.map(item => `<item>${content(item)}</item>`).join(''); }
  if (typeof value === 'object') {
    return Object.entries(value).map(([name, member]) => member === undefined ? '' : `<${name}>${content(member)}</${name}>`).join('');
  }
  return String(value ?? '').replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;').replace(/\r/g, '&#13;');
}
