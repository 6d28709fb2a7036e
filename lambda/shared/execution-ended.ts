/** What EventBridge tells when an execution ended. */
export interface ExecutionEnded {
  readonly detail: {
    /** The execution's input, as JSON. */
    readonly input: string;
    /** SUCCEEDED, FAILED, TIMED_OUT or ABORTED. */
    readonly status: string;
    /** Milliseconds since 1970. */
    readonly startDate: number;
    readonly stopDate: number | null;
  };
}
