import type { Board } from './board.ts'
import { azure } from './boards/azure.ts'
import { jobs } from './boards/jobs.ts'
import { library } from './boards/library.ts'
import { money } from './boards/money.ts'
import { overview } from './boards/overview.ts'

/** What Grafana's boards show, in the order of the documentation. */
export const boards: readonly Board[] = [overview, azure, money, jobs, library]
