import type { Directed } from './direction';
import type { OwnerProperties, TagProperty } from '../../src/contract/ownership';

/** Returned by `ready` if it waits for work that returns a token at its end. */
export const UNDER_WAY = 'under way';

/** Returned by `gone` if the service is deleting all that is left: `delete` has nothing to do until more is gone. */
export const LEAVING = 'leaving';

/**
 * The life of one kind of custom resource. `handlersOf` turns it into the two
 * steps of an execution, `act` and `poll`; nothing else in this
 * library distinguishes Create, Update and Delete.
 *
 * Every method may be called twice, late, or for a resource that was never
 * created. State is in the event or in AWS, never in the process.
 */
export interface Lifecycle<P extends OwnerProperties, A extends object> {
  /** The properties whose change means replacement. */
  readonly identity: readonly (keyof P & string)[];
  /** The meaning of absent identity properties, so that a library upgrade that starts to send one replaces nothing. */
  readonly defaults?: Partial<P>;
  /** The form of its physical ids. CloudFormation invents ids of another form for creations that it cancelled. */
  readonly physicalId: RegExp;
  /** Whether earlier resources that were retained may exist beside it. The deletion of a cancelled creation must spare those. */
  readonly allowsRetainedSiblings?: boolean;
  /** Whether polls may create the resource if `act` is throttled. Such a lifecycle asks `Stacks.isAwaited` before it hands something out. */
  readonly isRepeatable?: boolean;
  /** Whether equal identity means equal content, whenever it was made. Otherwise earlier resources are used again only on the way back. */
  hasFixedContent?(properties: P): boolean;
  /** Returns the user's tags in properties. Those that it sets must not have keys of this library. */
  userTags?(properties: P): readonly TagProperty[] | undefined;

  /**
   * Makes the resource by at most one creating call and returns its physical
   * id, so that whatever fails later is deleted by that id. If the same request
   * is repeated, finds what it made.
   */
  create(properties: P, context: CreateContext<P>): Promise<Created>;

  /**
   * Refuses, before anything changes, what can be refused at once. The changes
   * themselves are made by `ready`. Also called to return from a replacement to
   * a resource that still exists; `old` are then the properties of the
   * replacement.
   */
  update?(id: string, properties: P, old: P, context: Context): Promise<void>;

  /**
   * Returns whether the resource that CloudFormation has is the one that the changed identity properties want: they only name it in another
   * way. Then it is updated, not replaced.
   */
  isSame?(id: string, properties: P, old: P): Promise<boolean>;

  /**
   * Marks a thing that CloudFormation retained, and that an update goes back to, so that a rollback of the update leaves it. Not called in a
   * rollback, which goes back to the thing that was in use.
   */
  takeUp?(id: string): Promise<void>;

  /**
   * Returns whether CloudFormation itself shows that it has had the thing for this resource. Such a thing is not the product of a cancelled
   * creation. Without this method, nothing that is found is taken for an earlier state of the resource.
   */
  wasHandedOut?(id: string, properties: P, context: Context): Promise<boolean>;

  /**
   * Brings the resource one step closer to the wanted state. Returns undefined
   * if there is more to do, so that it is called again, and the attributes if
   * it is done. `UNDER_WAY`: it need not be called before `leaveToken` brings a token back.
   */
  ready(id: string, properties: P, context: ReadyContext<P>): Promise<A | typeof UNDER_WAY | undefined>;

  /** Returns the attributes of a resource that a rollback leaves as it is, because it is `OutOfReach`: what is known without it. */
  withoutReach?(id: string, properties: P, context: Context): A;

  /** Leaves a token with the work that is under way, which returns it at its end. Returns false if it has ended already. */
  leaveToken?(id: string, token: string): Promise<boolean>;

  /**
   * Begins to delete the resource if it belongs to this stack; succeeds if there is nothing to delete. Throws `RefusedForNow` if it can be
   * deleted only later.
   */
  delete(id: string, properties: P, context: Context): Promise<void>;

  /** Returns whether nothing of the resource is left. Called repeatedly after `delete`, which is repeated in between unless it is `LEAVING`. */
  gone(id: string, properties: P, context: Context): Promise<boolean | typeof LEAVING>;

  /** Returns the existing resources of this stack and logical id that were made for any of these properties. */
  find(candidates: readonly P[], context: Context): Promise<readonly Found[]>;
}

export interface Created {
  readonly id: string;
  /** A fact that only the creation can find out; passed on to `ready`. */
  readonly memo?: string;
}

export interface Found {
  readonly id: string;
  /** Its identity digest, from its tag. */
  readonly identity: string | undefined;
  /** The request that made it, from its tag. */
  readonly requestId: string | undefined;
  /** `unfinished`: it was never reported to CloudFormation as complete, so nobody uses it. */
  readonly state: 'usable' | 'unfinished';
  /** When CloudFormation sent the call that made it, in milliseconds since 1970; absent if that is not known. */
  readonly sent?: number;
  /** Where `sent` is not known: when the thing was made, in milliseconds since 1970. Absent if a call may have taken up an older thing. */
  readonly made?: number;
  /** Only its tags name its owner. Anybody who may tag in the account may have set them, so it is neither used nor deleted. */
  readonly isUnproven?: boolean;
  /**
   * It may be deleted all the same if a call is known to have made it, or it was made in the operation that is cancelled or goes back: nobody can
   * use it yet, or its name contains the digest of a call.
   */
  readonly isRemovable?: boolean;
  /** It holds no data, so a rollback to a resource that CloudFormation never replaced may delete it although it is usable. */
  readonly holdsNoData?: boolean;
}

/** The resource and the request that an operation is for. */
export interface Context extends Directed {
  readonly stackId: string;
  readonly logicalId: string;
  readonly requestId: string;
  /** The physical id in the event: the resource that CloudFormation has. Absent in a Create. */
  readonly physicalId?: string;
  /** Digest of the identity properties that are wanted; for the ownership tags. */
  readonly identity: string;
  /** When the deletion began, in milliseconds since 1970; the current time in other operations. */
  readonly deletionBegan: number;
}

export interface CreateContext<P> extends Context {
  /** The properties of the resource that is being replaced, if any. */
  readonly old?: P;
  /** Its physical id. */
  readonly oldId?: string;
}

export interface ReadyContext<P> extends Context {
  readonly memo?: string;
  /** The properties before an update. */
  readonly old?: P;
  /** The physical id before the update, if the resource is another one; `old` are the properties of that. */
  readonly replacedId?: string;
}
