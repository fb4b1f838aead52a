import { useEffect, useId, useState } from 'preact/hooks'
import type { KeyQuestions, OpenKeyQuestion } from '../key-questions.ts'
import type { Texts } from '../texts/texts.ts'
import { Dialog } from './dialog.tsx'
import { Form } from './form.tsx'

/** Asks for the API key when the service rejects a call without one, or with a wrong one. */
export function KeyDialog({ questions, texts }: { questions: KeyQuestions; texts: Texts }) {
  const [question, setQuestion] = useState<OpenKeyQuestion>()
  const [key, setKey] = useState('')
  const id = useId()
  useEffect(() => questions.onQuestion(setQuestion), [questions])
  if (question === undefined) return null
  const { key: words } = texts.app
  const submit = () => {
    if (key.trim() === '') return
    setKey('')
    question.respond(key.trim())
  }
  return (
    <Dialog title={words.title}>
      <Form onSubmit={submit}>
        <p role={question.reason === 'wrong' ? 'alert' : undefined}>{words[question.reason]}</p>
        {question.takesTokens && <p>{words.tokens}</p>}
        <label for={id}>{words.label}</label>
        {/* Not a password field of an account: browsers must not offer to store it. */}
        <input
          id={id}
          type="password"
          autocomplete="off"
          spellcheck={false}
          value={key}
          onInput={(event) => setKey(event.currentTarget.value)}
        />
        <div class="actions">
          <button type="button" class="primary" onClick={submit}>
            {words.enter}
          </button>
        </div>
      </Form>
    </Dialog>
  )
}
