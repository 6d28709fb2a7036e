import type { Model, Shape } from '../../../world/emulator/rest-json';

export interface WireAnswer {
  readonly status: number;
  /** The error's name; undefined: none. */
  readonly error: string | undefined;
  readonly headers: Headers;
  readonly body: any;
}

/** Sends an operation's members as the model binds them, without any of the checks that a client makes. */
export async function send(url: string, service: string, model: Model, operation: string, input: Record<string, any>): Promise<WireAnswer> {
  const { http, input: reference, authtype } = model.operations[operation];
  const shape = model.shapes[reference.shape];
  const query = new URLSearchParams();
  const headers: Record<string, string> = {
    authorization: `AWS4-HMAC-SHA256 Credential=test/20261101/eu-west-1/${service}/aws4_request, SignedHeaders=host, Signature=0`,
    ...authtype === 'v4-unsigned-body' && { 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' },
  };
  let path = http.requestUri;
  const body: Record<string, unknown> = {};
  for (const [member, { location, locationName = member }] of Object.entries(shape.members ?? {})) {
    const value = input[member];
    if (value === undefined) { continue; }
    switch (location) {
      case 'uri': path = path.replace(`{${locationName}}`, encodeURIComponent(text(value))); break;
      case 'querystring': [value].flat().forEach(one => query.append(locationName, text(one))); break;
      case 'header': headers[locationName] = text(value); break;
      default: body[locationName] = value;
    }
  }
  const payload = shape.payload !== undefined ? input[shape.payload] as Buffer | undefined
    : Object.keys(body).length > 0 ? JSON.stringify(body) : undefined;
  const answer = await fetch(`${url}${path}${query.size > 0 ? `?${query}` : ''}`, { method: http.method, headers, body: typeof payload === 'string' ? payload : payload && new Uint8Array(payload) });
  const bytes = Buffer.from(await answer.arrayBuffer());
  const json = /json/.test(answer.headers.get('content-type') ?? '') ? JSON.parse(bytes.toString()) : undefined;
  return { status: answer.status, error: answer.headers.get('x-amzn-errortype') ?? undefined, headers: answer.headers, body: json ?? bytes };
}

function text(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

/** What of an answer the model does not know. */
export function* strangenessOf(model: Model, operation: string, answer: WireAnswer): Generator<string> {
  const { http, output, errors } = model.operations[operation];
  if (answer.error !== undefined) {
    const shape = model.shapes[answer.error];
    if (!errors.some(error => error.shape === answer.error)) { yield `${operation} has no error ${answer.error}`; }
    if (shape?.error && shape.error.httpStatusCode !== answer.status) { yield `${answer.error} comes with ${answer.status}, not ${shape.error.httpStatusCode}`; }
    if (shape) { yield* strangeness(model, shape, answer.body, answer.error); }
    return;
  }
  if (answer.status !== (http.responseCode ?? 200)) { yield `${operation} succeeds with ${answer.status}, not ${http.responseCode ?? 200}`; }
  if (!output) {
    if (answer.body.length > 0) { yield `${operation} has no output, but answers with a body`; }
    return;
  }
  const shape = model.shapes[output.shape];
  const given: Record<string, unknown> = shape.payload ? { [shape.payload]: answer.body } : { ...answer.body };
  for (const [member, { location, locationName }] of Object.entries(shape.members ?? {})) {
    const value = location === 'header' ? answer.headers.get(locationName ?? member) : null;
    if (value !== null) { given[member] = ['integer', 'long'].includes(model.shapes[shape.members![member].shape].type) ? Number(value) : value; }
  }
  yield* strangeness(model, shape, given, operation);
}

function* strangeness(model: Model, shape: Shape, value: any, path: string): Generator<string> {
  const length = typeof value === 'string' || Array.isArray(value) ? value.length : value as number;
  switch (shape.type) {
    case 'structure':
      if (typeof value !== 'object' || value === null || Array.isArray(value)) { return yield `${path} is no structure`; }
      for (const member of shape.required ?? []) { if (value[member] === undefined) { yield `${path} lacks ${member}`; } }
      for (const [member, inner] of Object.entries(value)) {
        const reference = shape.members?.[member];
        if (!reference) { yield `the model has no ${path}.${member}`; continue; }
        yield* strangeness(model, model.shapes[reference.shape], inner, `${path}.${member}`);
      }
      return;
    case 'list':
      if (!Array.isArray(value)) { return yield `${path} is no list`; }
      for (const one of value) { yield* strangeness(model, model.shapes[shape.member!.shape], one, `${path}[]`); }
      break;
    case 'string':
      if (typeof value !== 'string') { return yield `${path} is no string`; }
      if (shape.enum && !shape.enum.includes(value)) { yield `${path} cannot be ${value}`; }
      if (shape.pattern && !new RegExp(`^(?:${shape.pattern})$`, shape.pattern.includes('\\p{') ? 'u' : '').test(value)) { yield `${path} cannot be ${value}`; }
      break;
    case 'integer': case 'long':
      if (!Number.isInteger(value)) { return yield `${path} is no integer`; }
      break;
    case 'double': case 'timestamp':
      if (typeof value !== 'number') { return yield `${path} is no number`; }
      break;
    case 'boolean':
      if (typeof value !== 'boolean') { yield `${path} is no boolean`; }
      return;
    default: return;
  }
  if ((shape.min !== undefined && length < shape.min) || (shape.max !== undefined && length > shape.max)) { yield `${path} is out of bounds: ${length}`; }
}
