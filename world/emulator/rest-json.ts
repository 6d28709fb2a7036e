import { readFileSync } from 'fs';
import { join } from 'path';
import { ServiceError, type Answer, type Call } from './service';

/** A shape of a botocore model, as far as the REST-JSON services here use it. */
export interface Shape {
  readonly type: 'structure' | 'list' | 'string' | 'integer' | 'long' | 'double' | 'boolean' | 'timestamp' | 'blob';
  readonly members?: Record<string, Member>;
  readonly member?: Member;
  readonly required?: string[];
  readonly payload?: string;
  readonly enum?: string[];
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: string;
  readonly error?: { readonly httpStatusCode: number };
}

export interface Member {
  readonly shape: string;
  readonly location?: 'uri' | 'querystring' | 'header';
  readonly locationName?: string;
}

export interface Operation {
  readonly http: { readonly method: string; readonly requestUri: string; readonly responseCode?: number };
  readonly input: { readonly shape: string };
  readonly output?: { readonly shape: string };
  readonly errors: { readonly shape: string }[];
  /** `v4-unsigned-body`: clients sign UNSIGNED-PAYLOAD in place of the body's hash. */
  readonly authtype?: string;
}

export interface Model {
  readonly operations: Record<string, Operation>;
  readonly shapes: Record<string, Shape>;
}

export type ModelName = 'efs-2015-02-01' | 'ebs-2019-11-02';

export function loadModel(name: ModelName): Model {
  return JSON.parse(readFileSync(join(__dirname, 'models', `${name}.json`), 'utf8')) as Model;
}

/** The error that a service answers a request with that breaks its model. */
export interface ValidationError {
  readonly code: string;
  readonly members?: Record<string, string>;
}

const VALIDATION_ERRORS: Record<ModelName, ValidationError> = {
  'efs-2015-02-01': { code: 'BadRequest' },
  'ebs-2019-11-02': { code: 'ValidationException', members: { Reason: 'INVALID_PARAMETER_VALUE' } },
};

/**
 * The REST-JSON protocol as a service's own API model describes it: which
 * request is for which operation, what its members are and what they may be,
 * and how an answer or an error looks on the wire.
 */
export class RestJsonModel {
  public static load(name: ModelName, validationError: ValidationError = VALIDATION_ERRORS[name]): RestJsonModel {
    return new RestJsonModel(loadModel(name), validationError);
  }

  private readonly patterns = new Map<string, RegExp>();
  private readonly routes: { readonly operation: string; readonly method: string; readonly uri: RegExp }[];

  private constructor(private readonly model: Model, private readonly validationError: ValidationError) {
    this.routes = Object.entries(model.operations)
      .map(([operation, { http }]) => ({ operation, method: http.method, uri: uriPattern(http.requestUri) }));
  }

  /** The operation that a request is for, by method and path; '' if the model has none. */
  public operation(call: Pick<Call, 'method' | 'path'>): string {
    return this.route(call)?.operation ?? '';
  }

  /**
   * The request's members, from wherever the model binds them to, checked against all that the model says.
   * Blobs are Buffers. Unknown members are ignored, as the services do, and nothing is filled in:
   * a missing idempotency token is the client's business.
   */
  public input(call: Call): Record<string, any> {
    const route = this.route(call);
    if (!route) { throw new Error(`no operation of the model fits ${call.method} ${call.path}`); }
    const reference = this.model.operations[route.operation].input;
    if (!reference) { return {}; }

    const shape = this.model.shapes[reference.shape];
    const uri = route.uri.exec(call.path)!.groups ?? {};
    const problems: string[] = [];
    const body = shape.payload || !hasBodyMembers(shape) ? {} : this.body(call);
    const input: Record<string, any> = {};
    for (const [member, binding] of Object.entries(shape.members ?? {})) {
      const value = this.bound(member, binding, shape, call, uri, body);
      if (value === undefined) {
        if (shape.required?.includes(member)) { problems.push(missing(member)); }
        continue;
      }
      input[member] = this.read(value, binding.shape, camel(member), problems);
    }
    if (problems.length > 0) {
      throw this.invalid(`${problems.length} validation error${problems.length > 1 ? 's' : ''} detected: ${problems.join('; ')}`);
    }
    return input;
  }

  /** The answer to an operation. Timestamps are given as `Date`, blobs as `Buffer`; undefined members are left out. */
  public answer(operation: string, output: Record<string, unknown> = {}): Answer {
    const { http, output: reference } = this.model.operations[operation];
    const status = http.responseCode ?? 200;
    const shape: Shape = reference ? this.model.shapes[reference.shape] : { type: 'structure', members: {} };
    const written = this.write(output, shape, operation) as Record<string, unknown>;

    const headers: Record<string, string> = {};
    for (const [member, { location, locationName }] of Object.entries(shape.members ?? {})) {
      if (location !== 'header' || written[member] === undefined) { continue; }
      headers[locationName ?? member] = String(written[member]);
      delete written[member];
    }
    if (shape.payload) {
      const payload = output[shape.payload] as Buffer | undefined;
      return { status, headers: { 'content-type': 'application/octet-stream', ...headers }, body: payload ?? '' };
    }
    if (!hasBodyMembers(shape)) { return { status, headers }; }
    return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(written) };
  }

  /** An error as the model describes it; one that the model lacks (AccessDenied) with a bare message. */
  public refuse(error: ServiceError): Answer {
    const shape = this.model.shapes[error.code];
    const members = shape?.error ? Object.keys(shape.members ?? {}) : ['Message'];
    const body: Record<string, string> = {};
    if (members.includes('ErrorCode')) { body.ErrorCode = error.code; }
    const member = members.find(name => name.toLowerCase() === 'message') ?? 'Message';
    const longest = this.model.shapes[shape?.members?.[member]?.shape ?? '']?.max;
    body[member] = error.message.slice(0, longest);
    return {
      status: shape?.error?.httpStatusCode ?? error.status,
      headers: { 'content-type': 'application/json', 'x-amzn-errortype': error.code },
      body: JSON.stringify({ ...body, ...error.members }),
    };
  }

  private route(call: Pick<Call, 'method' | 'path'>) {
    return this.routes.find(({ method, uri }) => method === call.method && uri.test(call.path));
  }

  private body(call: Call): Record<string, unknown> {
    if (call.body.length === 0) { return {}; }
    let parsed: unknown;
    try {
      parsed = JSON.parse(call.body.toString('utf8'));
    } catch {
      throw this.invalid('Could not parse request body into json');
    }
    if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) { throw this.invalid('The request body must be a JSON object'); }
    return parsed as Record<string, unknown>;
  }

  private bound(
    member: string, { location, locationName, shape }: Member, structure: Shape,
    call: Call, uri: Record<string, string>, body: Record<string, unknown>,
  ): unknown {
    if (structure.payload === member) { return call.body; }
    const name = locationName ?? member;
    switch (location) {
      case 'uri': return this.scalar(this.decoded(uri[name]), shape);
      case 'querystring': {
        if (!call.query.has(name)) { return undefined; }
        return this.model.shapes[shape].type === 'list' ? call.query.getAll(name) : this.scalar(call.query.get(name)!, shape);
      }
      case 'header': {
        const value = call.headers[name.toLowerCase()];
        return value === undefined ? undefined : this.scalar([value].flat().join(','), shape);
      }
      default: return body[name] ?? undefined;
    }
  }

  private decoded(segment: string): string {
    try {
      return decodeURIComponent(segment);
    } catch {
      throw this.invalid(`Could not decode '${segment}' in the request URI`);
    }
  }

  /** Text of path, query or header as the type that the model wants; unchanged if it is not one. */
  private scalar(text: string, shape: string): unknown {
    switch (this.model.shapes[shape].type) {
      case 'integer': case 'long': return /^-?\d+$/.test(text) ? Number(text) : text;
      case 'double': return text !== '' && Number.isFinite(Number(text)) ? Number(text) : text;
      case 'boolean': return text === 'true' ? true : text === 'false' ? false : text;
      default: return text;
    }
  }

  /** A value as the program uses it; what is wrong with it goes into `problems`. */
  private read(value: unknown, name: string, path: string, problems: string[]): unknown {
    const shape = this.model.shapes[name];
    const fail = (constraint: string) => void problems.push(
      `Value '${typeof value === 'object' ? JSON.stringify(value) : value}' at '${path}' failed to satisfy constraint: ${constraint}`);

    switch (shape.type) {
      case 'structure': {
        if (typeof value !== 'object' || Array.isArray(value)) { return fail('Member must be a structure'); }
        const given = value as Record<string, unknown>;
        const result: Record<string, unknown> = {};
        for (const [member, reference] of Object.entries(shape.members ?? {})) {
          const inner = given[reference.locationName ?? member] ?? undefined;
          if (inner !== undefined) {
            result[member] = this.read(inner, reference.shape, `${path}.${camel(member)}`, problems);
          } else if (shape.required?.includes(member)) {
            problems.push(missing(member, path));
          }
        }
        return result;
      }
      case 'list': {
        if (!Array.isArray(value)) { return fail('Member must be a list'); }
        this.checkSize(value.length, shape, 'length', fail);
        return value.map((item: unknown, index) => {
          const at = `${path}.${index + 1}.member`;
          if (item !== null) { return this.read(item, shape.member!.shape, at, problems); }
          return void problems.push(`Value null at '${at}' failed to satisfy constraint: Member must not be null`);
        });
      }
      case 'string': {
        if (typeof value !== 'string') { return fail('Member must be a string'); }
        this.checkSize(value.length, shape, 'length', fail);
        if (shape.enum && !shape.enum.includes(value)) { fail(`Member must satisfy enum value set: [${shape.enum.join(', ')}]`); }
        if (shape.pattern && !this.pattern(shape.pattern).test(value)) { fail(`Member must satisfy regular expression pattern: ${shape.pattern}`); }
        return value;
      }
      case 'integer': case 'long': case 'double': {
        const whole = shape.type !== 'double';
        if (typeof value !== 'number' || (whole && !Number.isSafeInteger(value))) {
          return fail(`Member must be ${whole ? 'an integer' : 'a number'}`);
        }
        if (shape.type === 'integer' && (value < -(2 ** 31) || value >= 2 ** 31)) { return fail('Member must be an integer of 32 bits'); }
        this.checkSize(value, shape, 'value', fail);
        return value;
      }
      case 'boolean': return typeof value === 'boolean' ? value : fail('Member must be a boolean');
      case 'timestamp': return typeof value === 'number' ? new Date(value * 1000) : fail('Member must be a timestamp');
      case 'blob': {
        if (Buffer.isBuffer(value)) { return value; }
        return typeof value === 'string' ? Buffer.from(value, 'base64') : fail('Member must be a blob');
      }
    }
  }

  private checkSize(size: number, { min, max }: Shape, what: 'length' | 'value', fail: (constraint: string) => void): void {
    const than = what === 'length' ? 'Member must have length' : 'Member must have value';
    if (min !== undefined && size < min) { fail(`${than} greater than or equal to ${min}`); }
    if (max !== undefined && size > max) { fail(`${than} less than or equal to ${max}`); }
  }

  /** The services match patterns against the whole value, anchored or not. */
  private pattern(source: string): RegExp {
    if (!this.patterns.has(source)) {
      // Java, which the patterns are written for, allows a repeated lookahead; `u` does not.
      this.patterns.set(source, new RegExp(`^(?:${source})$`, source.includes('\\p{') ? 'u' : ''));
    }
    return this.patterns.get(source)!;
  }

  /** A value as it goes over the wire. A member that the model lacks is a mistake of the emulator. */
  private write(value: unknown, shape: Shape, path: string): unknown {
    switch (shape.type) {
      case 'structure': {
        const given = Object.entries(value as object).filter(([, inner]) => inner !== undefined);
        const lacking = shape.required?.find(member => !given.some(([name]) => name === member));
        if (lacking) { throw new Error(`the model requires ${path}.${lacking}`); }
        return Object.fromEntries(given.map(([member, inner]) => {
          const reference = shape.members?.[member];
          if (!reference) { throw new Error(`the model has no ${path}.${member}`); }
          return [member, this.write(inner, this.model.shapes[reference.shape], `${path}.${member}`)];
        }));
      }
      case 'list': return (value as unknown[]).map((item, index) => this.write(item, this.model.shapes[shape.member!.shape], `${path}[${index}]`));
      case 'timestamp': {
        if (!(value instanceof Date)) { throw new Error(`${path} is not a Date`); }
        return value.getTime() / 1000;
      }
      case 'blob': return Buffer.isBuffer(value) ? value.toString('base64') : value;
      default: return value;
    }
  }

  private invalid(message: string): ServiceError {
    return new ServiceError(this.validationError.code, 400, message, this.validationError.members);
  }
}

/** `/snapshots/{snapshotId}` as a pattern with named groups; a label is one path segment, still encoded. */
function uriPattern(template: string): RegExp {
  return new RegExp(`^${template.replace(/[.]/g, '\\.').replace(/\{(\w+)\}/g, '(?<$1>[^/]+)').replace(/\/$/, '')}/?$`);
}

function hasBodyMembers(shape: Shape): boolean {
  return Object.values(shape.members ?? {}).some(member => !member.location);
}

function camel(member: string): string {
  return member[0].toLowerCase() + member.slice(1);
}

function missing(member: string, path?: string): string {
  return `Value null at '${path ? `${path}.` : ''}${camel(member)}' failed to satisfy constraint: Member must not be null`;
}
