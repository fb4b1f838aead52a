import type { PaidState } from '../data/paid-call.ts'
import type { Studio } from '../studio.ts'
import { formatUsd } from '../texts/format.ts'
import { Dialog } from './dialog.tsx'

export interface CostDialogProps {
  studio: Studio
  /** Shown while a call waits for the confirmation of its price. */
  state: PaidState
  onConfirm(): void
  onCancel(): void
}

/** Asks whether the person agrees to a price. */
export function CostDialog({ studio: { texts, language }, state, onConfirm, onCancel }: CostDialogProps) {
  if (state.name !== 'confirming') return null
  const { cost, cancel } = texts.app
  return (
    <Dialog title={cost.title} onClose={onCancel}>
      <p>{state.usd === undefined ? cost.unknown : cost.price(formatUsd(state.usd, language))}</p>
      <div class="actions">
        <button type="button" onClick={onCancel}>
          {cancel}
        </button>
        <button type="button" class="primary" onClick={onConfirm}>
          {cost.agree}
        </button>
      </div>
    </Dialog>
  )
}
