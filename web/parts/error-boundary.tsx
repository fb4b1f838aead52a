import { Component, type ComponentChildren } from 'preact'
import type { Texts } from '../texts/texts.ts'

export interface ErrorBoundaryProps {
  texts: Texts
  /** Opens the start screen. */
  onReopen(): void
  children: ComponentChildren
}

/** Shows a sentence in place of a screen that has thrown: hosts show nothing at all otherwise. */
export class ErrorBoundary extends Component<ErrorBoundaryProps, { hasFailed: boolean }> {
  override state = { hasFailed: false }

  static override getDerivedStateFromError() {
    return { hasFailed: true }
  }

  override render() {
    const { texts, onReopen, children } = this.props
    if (!this.state.hasFailed) return children
    return (
      <section class="screen" role="alert">
        <p>{texts.app.crashed}</p>
        <button
          type="button"
          onClick={() => {
            this.setState({ hasFailed: false })
            onReopen()
          }}
        >
          {texts.app.reopen}
        </button>
      </section>
    )
  }
}
