/** What can be kept in a record, a lane or a job without loss. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };
