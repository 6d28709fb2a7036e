import { createHash } from 'crypto';
import { NestedStack, Stack } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** Both services take tag values of that length. */
const LONGEST = 255;
const DIGEST_LENGTH = 16;
/** What EFS does not take in a tag value. */
const FORBIDDEN = /[^A-Za-z0-9 _.:/=+@-]/g;

/**
 * Who a thing belongs to, for the owner tag: `<root stack>/<path of the construct in it>`.
 *
 * It is the same again after the stack was deleted and deployed anew, and
 * whatever app or stage the stack stands in. Roles are limited by its
 * beginning, so that stays whole when the rest has to be shortened.
 */
export function ownerOf(construct: IConstruct): string {
  const root = rootStackOf(construct);
  const path = construct.node.path.slice(root.node.path.length).replace(/^\//, '');
  const owner = `${ownerPrefix(construct)}${path}`;
  const clean = owner.replace(FORBIDDEN, '-');
  if (clean === owner && owner.length <= LONGEST) { return owner; }

  const digest = createHash('sha256').update(owner).digest('hex').slice(0, DIGEST_LENGTH);
  return `${clean.slice(0, LONGEST - DIGEST_LENGTH - 1)}-${digest}`;
}

/** How the owner tags of everything in this root stack begin. */
export function ownerPrefix(construct: IConstruct): string {
  return `${rootStackOf(construct).stackName}/`;
}

/** The stack that a user deploys. */
export function rootStackOf(construct: IConstruct): Stack {
  let stack = Stack.of(construct);
  while (NestedStack.isNestedStack(stack)) { stack = stack.nestedStackParent!; }
  return stack;
}
