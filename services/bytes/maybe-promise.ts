/**
 * A value that is usually there at once. An `await` costs a turn of the microtask queue, which is felt on paths that
 * run for every chunk or every call.
 */
export type MaybePromise<T> = T | Promise<T>

/** Continues with a value: at once if it is there, otherwise when its promise resolves. */
export function andThen<T, U>(value: MaybePromise<T>, next: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return value instanceof Promise ? value.then(next) : next(value)
}
