import { CreateTagsCommand, DeleteTagsCommand, type EC2Client, type Filter, type Tag } from '@aws-sdk/client-ec2';
import { isNamed, saidBy } from './errors';
import { retrying } from './retry';

/** EC2 throttles calls that list without pages in accounts with many resources. It refuses pages where ids are given. */
export const RESULTS_PER_PAGE = 1_000;

/** One thing by its id, or else the account's own things that match all filters. */
export type Ec2Query = { readonly id: string; readonly filters?: undefined } | { readonly id?: undefined; readonly filters: Filter[] };

/** The tagged things of one kind that EC2 lists, and the calls that all kinds share. */
export abstract class Ec2Tagged<T> {
  /** The name of the kind in errors. */
  protected abstract readonly kind: string;
  /** The action that lists this kind. */
  protected abstract readonly describeAction: string;
  /** The codes of EC2's errors for an id that does not exist. */
  protected abstract readonly notFound: readonly string[];
  /** The codes of further errors that callers of `call` handle; they are thrown as they are. */
  protected abstract readonly handled: readonly string[];

  constructor(protected readonly ec2: EC2Client) {}

  /** undefined: there is none, or EC2 does not list it yet. */
  public async find(id: string): Promise<T | undefined> {
    try {
      return (await this.list({ id }))[0];
    } catch (error) {
      if (isNamed(error, ...this.notFound)) { return undefined; }
      throw error;
    }
  }

  /** Returns the account's own things that carry all of these tags. */
  public findTagged(tags: Record<string, string>): Promise<T[]> {
    return this.list({ filters: Object.entries(tags).map(([key, value]) => ({ Name: `tag:${key}`, Values: [value] })) });
  }

  public async tag(id: string, tags: readonly Tag[]): Promise<void> {
    if (tags.length === 0) { return; }
    await this.call('CreateTags', id, () => this.ec2.send(new CreateTagsCommand({ Resources: [id], Tags: [...tags] })));
  }

  public async untag(id: string, keys: readonly string[]): Promise<void> {
    if (keys.length === 0) { return; }
    await this.call('DeleteTags', id, () => this.ec2.send(new DeleteTagsCommand({ Resources: [id], Tags: keys.map(Key => ({ Key })) })));
  }

  /** The pages of the listing. */
  protected abstract pages(query: Ec2Query): AsyncIterable<T[]>;

  protected list(query: Ec2Query): Promise<T[]> {
    return this.call(this.describeAction, query.id, async () => {
      const all: T[] = [];
      for await (const page of this.pages(query)) { all.push(...page); }
      return all;
    });
  }

  /** Repeats a request until it succeeds or fails for good; the error then names the action, and the thing with this id or name. */
  protected call<R>(action: string, id: string | undefined, request: () => Promise<R>): Promise<R> {
    return retrying(request, { what: action }).catch((error: Error) => {
      if (isNamed(error, ...this.notFound, ...this.handled)) { throw error; }
      throw new Error(`ec2:${action} failed${id === undefined ? '' : ` for ${this.kind} ${id}`}: ${saidBy(error)}`, { cause: error });
    });
  }
}
