/** The event as CloudFormation sends it to the function behind the service token. */
export interface CloudFormationEvent {
  readonly RequestType: 'Create' | 'Update' | 'Delete';
  /** A presigned URL, and therefore a credential: it must not get into logs or errors. */
  readonly ResponseURL: string;
  readonly StackId: string;
  readonly RequestId: string;
  readonly ResourceType: string;
  readonly LogicalResourceId: string;
  readonly PhysicalResourceId?: string;
  readonly ResourceProperties: { readonly ServiceToken: string; readonly ServiceTimeout?: string; readonly [property: string]: unknown };
  readonly OldResourceProperties?: { readonly [property: string]: unknown };
}
