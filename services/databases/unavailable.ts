import { ReportedError } from '../errors/app-error.ts'

/** A database cannot be reached, or did not complete a statement. The message contains nothing of the statement. */
export class DatabaseUnavailableError extends ReportedError {
  override name = 'DatabaseUnavailableError'
}
