import type { KeyQuestion } from './bridge/page-bridge.ts'

/** A question for the API key that is open. */
export interface OpenKeyQuestion extends KeyQuestion {
  respond(key: string): void
}

/** Between the bridge, which needs a key, and the dialog that asks for it. */
export interface KeyQuestions {
  ask(question: KeyQuestion): Promise<string>
  /** Also called at once, if a question is open. @returns a function that ends it */
  onQuestion(listener: (question: OpenKeyQuestion | undefined) => void): () => void
}

export function createKeyQuestions(): KeyQuestions {
  const listeners = new Set<(question: OpenKeyQuestion | undefined) => void>()
  let open: OpenKeyQuestion | undefined
  const set = (question: OpenKeyQuestion | undefined) => {
    open = question
    for (const listener of listeners) listener(question)
  }
  return {
    ask(question) {
      const { promise, resolve } = Promise.withResolvers<string>()
      const respond = (key: string) => {
        set(undefined)
        resolve(key)
      }
      set({ ...question, respond })
      return promise
    },
    onQuestion(listener) {
      listeners.add(listener)
      if (open !== undefined) listener(open)
      return () => listeners.delete(listener)
    },
  }
}
