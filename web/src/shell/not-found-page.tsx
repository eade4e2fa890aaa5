import { IconMapPin } from '@tabler/icons-react'
import { EmptyState } from '../ui/empty-state.tsx'
import { ButtonLink } from '../ui/links.tsx'
import { Page } from '../ui/page.tsx'

export function NotFoundPage() {
  return (
    <Page title="This page does not exist">
      <EmptyState
        icon={IconMapPin}
        title="There is nothing at this address"
        action={<ButtonLink to="/agents">See all agents</ButtonLink>}
      >
        It may have been deleted, or the link was cut. Everything you can reach is in the menu.
      </EmptyState>
    </Page>
  )
}
