/**
 * A value that is usually there at once. Callers await it only if it is a promise, since an `await` costs a turn of the
 * microtask queue, which matters where it happens for every chunk or call.
 */
export type MaybePromise<T> = T | Promise<T>
