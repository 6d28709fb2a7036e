import { App } from 'aws-cdk-lib';

/** An app whose snapshot names no folders of the machine. */
export function integApp(): App {
  return new App({ stackTraces: false, context: { 'aws:cdk:disable-creation-stack-traces': true } });
}
