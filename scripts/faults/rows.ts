import { azureFaults } from './azure.ts'
import { moneyFaults } from './money.ts'
import type { FaultRow } from './row.ts'
import { serviceFaults } from './service.ts'
import { storeFaults } from './stores.ts'

/** Written into docs/faults.md. */
export const faultRows = { ...azureFaults, ...storeFaults, ...serviceFaults, ...moneyFaults } satisfies Readonly<
  Record<string, FaultRow>
>
