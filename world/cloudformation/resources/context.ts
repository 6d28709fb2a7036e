import type { Emulator } from '../../emulator/emulator';
import { arn } from '../../emulator/environment';
import type { Assets } from '../assets';
import type { Handler, Request } from '../handler';
import type { Iam } from '../iam';
import type { Properties } from '../stack';

/** What resource handlers work on. */
export interface Context {
  readonly emulator: Emulator;
  readonly iam: Iam;
  readonly assets: Assets;
  /** SSM parameters by name. */
  readonly parameters: Map<string, string>;
  /** Who may invoke a function, as AWS::Lambda::Permission says; by physical id of the permission. */
  readonly permissions: Map<string, Permission>;
  /** Of CodeBuild projects and pipelines, by name: their properties. */
  readonly builds: Map<string, Properties>;
  readonly pipelines: Map<string, Properties>;
}

export interface Permission {
  readonly functionArn: string;
  readonly principal: string;
  readonly sourceArn?: string;
}

/** A name for the physical thing, if the template gives none. */
export function nameOf({ stack, logicalId }: Pick<Request, 'stack' | 'logicalId'>, wanted: string | undefined, maxLength?: number): string {
  return wanted ?? stack.ids.name(stack.name, logicalId, maxLength);
}

/** The tags that CloudFormation puts on what it makes: the resource's, the stack's, and its own. */
export function tagsOf({ stack, logicalId, properties }: Request): Record<string, string> {
  const own = (properties.Tags ?? []) as { Key: string; Value: unknown }[];
  return {
    ...stack.tags,
    ...Object.fromEntries(own.map(({ Key, Value }) => [Key, String(Value)])),
    'aws:cloudformation:stack-name': stack.name,
    'aws:cloudformation:stack-id': stack.id,
    'aws:cloudformation:logical-id': logicalId,
  };
}

/** Of what has no behaviour worth playing, only that it is there, and under which id. */
export function recorded(
  id: (request: Request) => string,
  attributes: (id: string, properties: Record<string, any>) => Record<string, unknown> = () => ({}),
  immutable: string[] = [],
): Handler {
  const made = (physicalId: string, properties: Record<string, any>) => ({ physicalId, attributes: attributes(physicalId, properties) });
  return {
    immutable,
    create: request => made(id(request), request.properties),
    update: ({ properties }, before) => made(before.physicalId!, properties),
    delete: () => {},
  };
}

export function functionArn(nameOrArn: string): string {
  return nameOrArn.startsWith('arn:') ? nameOrArn : arn('lambda', `function:${nameOrArn}`);
}

/** A list as templates have it: a list, one item, or nothing. */
export function listOf<T>(value: T | T[] | undefined): T[] {
  return value === undefined ? [] : [value].flat() as T[];
}

export function isTrue(value: unknown): boolean {
  return String(value) === 'true';
}

export function numberOf(value: unknown): number | undefined {
  return value === undefined ? undefined : Number(value);
}
