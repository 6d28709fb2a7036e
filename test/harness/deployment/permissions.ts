import { OWN_ROLE, type DeploymentWorld } from './deployment-world';

/**
 * Actions that the roles of this library were granted and never needed, in all
 * stacks of the world together. Grows with a needless grant, and shrinks when
 * a sequence that needs one is played. Lambda writes logs in the name of a
 * function, so the world does not see that.
 */
export function expectUnused(world: DeploymentWorld, expected: Record<string, Record<string, string>>): void {
  const unused = Object.entries(world.cloudFormation.unusedActions())
    .map(([role, actions]) => [role, actions.filter(action => !action.startsWith('logs:'))] as const)
    .filter(([role, actions]) => actions.length > 0 && OWN_ROLE.test(role))
    .map(([role, actions]) => [role.replace('cdkdurablestorage', '').replace(/[0-9A-F]{8}$/, ''), actions]);
  const wanted = Object.entries(expected).map(([role, reasons]) => [role, Object.keys(reasons).sort()]);
  expect(Object.fromEntries(unused)).toEqual(Object.fromEntries(wanted));
}
