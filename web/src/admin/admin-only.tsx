import { IconLock } from '@tabler/icons-react'
import type { ReactNode } from 'react'
import { useUser } from '../auth/session.ts'
import { EmptyState } from '../ui/empty-state.tsx'
import { Page } from '../ui/page.tsx'

/** The server refuses anyway; this says so before a page full of errors does. */
export function AdminOnly({ title, children }: { title: string; children: ReactNode }) {
  const user = useUser()
  if (!user) return null
  if (user.role === 'admin') return children
  return (
    <Page title={title}>
      <EmptyState icon={IconLock} title="This page is for admins">
        Ask an admin of this site if you need something from here.
      </EmptyState>
    </Page>
  )
}
