import { type CfnResource, Stack, Token } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { rootStackOf } from './owner';
import { nameInApp } from './token-forms';

/** A construct that wants something of a thing which only one construct can have. */
export interface Rival<W> {
  readonly scope: IConstruct;
  readonly wants: W;
}

export interface Want<W> {
  /** Only wants of the same kind are compared. */
  readonly kind: string;
  /** The parts of the thing's name. Equal names are the same thing, in whatever stack of the app. */
  readonly thing: readonly string[];
  readonly wants: W;
  /** Returns why the construct and a rival that was defined before it cannot both have what they want: the error. */
  readonly conflict: (rival: Rival<W>) => string | undefined;
}

/** The wants of an app, in the order of their definition. */
class Wants {
  /** One list per app, because an app may load the library twice. */
  public static of(scope: IConstruct): Wants {
    const root = scope.node.root as { [WANTS]?: Wants };
    if (!root[WANTS]) { Object.defineProperty(root, WANTS, { value: new Wants() }); }
    return root[WANTS]!;
  }

  private readonly all: (Rival<unknown> & Pick<Want<unknown>, 'kind' | 'thing'>)[] = [];
  /** By name, so that an app with many constructs is looked through once. */
  private byName: Map<string, Rival<unknown>[]> | undefined;

  public add<W>(scope: IConstruct, { kind, thing, wants }: Want<W>): void {
    this.all.push({ scope, kind, thing, wants });
    this.byName = undefined;
  }

  /** Returns those that want something of the same thing, were defined before the construct, and were not removed from the tree since. */
  public before<W>(scope: IConstruct, want: Want<W>): Rival<W>[] {
    const group = this.named().get(nameOf(scope, want))!;
    return group.slice(0, group.findIndex(({ wants }) => wants === want.wants)).filter(rival => isInTree(rival.scope)) as Rival<W>[];
  }

  private named(): Map<string, Rival<unknown>[]> {
    if (this.byName) { return this.byName; }
    this.byName = new Map<string, Rival<unknown>[]>();
    for (const want of this.all) {
      const name = nameOf(want.scope, want);
      const group = this.byName.get(name);
      if (group) { group.push(want); } else { this.byName.set(name, [want]); }
    }
    return this.byName;
  }
}

// A symbol of the whole process, because an app may load the library twice.
const WANTS = Symbol.for('cdk-durable-storage.Wants');

function nameOf(scope: IConstruct, { kind, thing }: Pick<Want<unknown>, 'kind' | 'thing'>): string {
  return `${kind} ${nameInApp(scope, thing)}`;
}

/**
 * Refuses at synthesis that two constructs of an app want what only one of them can have. Allows what may turn out to be two things, or
 * never to be deployed together: the handlers refuse those at deployment.
 */
export function refuseRivals<W extends object>(scope: IConstruct, want: Want<W>): void {
  const wants = Wants.of(scope);
  wants.add(scope, want);
  scope.node.addValidation({
    validate: () => {
      if (isConditional(scope)) { return []; }
      const conflicts = wants.before(scope, want)
        .filter(rival => !isConditional(rival.scope) && !areAlternatives(scope, rival.scope))
        .flatMap(rival => want.conflict(rival) ?? []);
      return conflicts.slice(0, 1);
    },
  });
}

/** Returns the parts of the name of a thing that has one name per account and Region. A value that refers to a resource is unique by itself. */
export function inRegion(scope: IConstruct, name: string): string[] {
  const { account, region } = Stack.of(scope);
  return Token.isUnresolved(name) ? [name] : [account, region, name];
}

/** Whether a construct can still be reached from the root: somebody may have removed it, or one that it is in. */
function isInTree(construct: IConstruct): boolean {
  const { id, scope } = construct.node;
  return scope === undefined || (scope.node.tryFindChild(id) === construct && isInTree(scope));
}

/** Whether the resource of a construct, or a stack that it is nested in, depends on a condition. */
function isConditional(scope: IConstruct): boolean {
  const resource = scope.node.defaultChild as CfnResource | undefined;
  if (resource?.cfnOptions.condition) { return true; }
  for (let stack: Stack | undefined = Stack.of(scope); stack; stack = stack.nestedStackParent) {
    if (stack.nestedStackResource?.cfnOptions.condition) { return true; }
  }
  return false;
}

/** Whether two stacks of an app are one stack at deployment, so that only one of them is deployed at a time. */
function areAlternatives(one: IConstruct, other: IConstruct): boolean {
  const [a, b] = [rootStackOf(one), rootStackOf(other)];
  return a !== b && a.stackName === b.stackName && a.account === b.account && a.region === b.region;
}
