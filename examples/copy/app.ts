import { App } from 'aws-cdk-lib';
import { ExchangeStack, ExportStack, ImportStack } from './stacks';

/**
 * Takes a snapshot into another account and Region, by an object in S3. Deploy the stacks in this order, each with
 * the credentials of its account:
 *
 *     cdk deploy Exchange && cdk deploy Export && cdk deploy Import
 *
 * Within one partition, and where the target account may see the source, `aws ec2 copy-snapshot` does the same without any of this.
 */
const app = new App();
const required = (name: string): string => {
  const value = app.node.tryGetContext(name) as string | undefined;
  if (!value) { throw new Error(`give the context value ${name}, like: cdk deploy -c ${name}=…`); }
  return value;
};
const [snapshotId, bucketName] = [required('snapshotId'), required('bucketName')];
const source = { account: required('sourceAccount'), region: required('sourceRegion') };
const target = { account: required('targetAccount'), region: required('targetRegion') };
const key = `${snapshotId}.img`;

new ExchangeStack(app, 'Exchange', { env: target, bucketName, from: source.account });
new ExportStack(app, 'Export', { env: source, snapshotId, bucketName, key });
new ImportStack(app, 'Import', { env: target, bucketName, key });
