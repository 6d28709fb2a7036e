import { CfnResource, Stack, Token } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';
import { placeOf, rootStackOf } from '../resource/owner';
import { check, notBoth } from '../resource/validation';

const FORM = /^[A-Za-z0-9]+(\/[A-Za-z0-9]+)*$/;

/** Checks the logical ids that a file system had before: nothing may have them any more. */
export function checkFormerly(scope: IConstruct, formerly: readonly string[] = [], isNeverAdopted: boolean): void {
  notBoth(scope, "'formerly'", "'adopt: Adopt.NEVER'", formerly.length > 0 && isNeverAdopted);
  for (const place of formerly) {
    check(scope, 'formerly', place, 'logical ids, with slashes after those of nested stacks', value => FORM.test(value));
  }
  if (formerly.length === 0) { return; }
  scope.node.addValidation({
    validate: () => {
      const holders = new Map(rootStackOf(scope).node.findAll().flatMap(construct => {
        const { defaultChild } = construct.node;
        if (defaultChild === undefined || !CfnResource.isCfnResource(defaultChild)) { return []; }
        return [[Stack.of(construct).resolve(placeOf(construct)) as string, construct.node.path] as const];
      }));
      return formerly.filter(place => !Token.isUnresolved(place) && holders.has(place))
        .map(place => `'formerly' must be logical ids that no construct has any more, got '${place}' of ${holders.get(place)}`);
    },
  });
}
