/** In the place of `../lib` in aws-cdk-lib's own tests of aws-efs: all of that, but our file system. */
export * from 'aws-cdk-lib/aws-efs';
export { FileSystem } from '../../../src';
