import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'

/** A value and what the person reads. */
export type Option = readonly [value: string, name: string]

export interface ChoiceProps {
  label: string
  value: string
  options: readonly Option[]
  onChange(value: string): void
}

/** One of several values, with its label above it. */
export function Choice({ label, value, options, onChange }: ChoiceProps) {
  return (
    <Field label={label}>
      {(id) => (
        <select id={id} value={value} onChange={(event) => onChange(event.currentTarget.value)}>
          {options.map(([each, name]) => (
            <option key={each} value={each}>
              {name}
            </option>
          ))}
        </select>
      )}
    </Field>
  )
}

/** @param children gets the id of the element that the label is for */
export function Field({ label, children }: { label: string; children: (id: string) => ComponentChildren }) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{label}</label>
      {children(id)}
    </div>
  )
}
