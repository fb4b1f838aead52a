/** Methods that series and spans name; Node's parser accepts some thirty more, which any client may send. */
export const namedMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'OPTIONS', 'DELETE', 'PUT', 'PATCH'])
