import { Stack } from '@mantine/core'
import { useUser } from '../auth/session.ts'
import { LoadingState } from '../ui/loading-state.tsx'
import { Page } from '../ui/page.tsx'
import { DeleteAccount } from './delete-account.tsx'
import { DownloadData } from './download-data.tsx'
import { PasswordForm } from './password-form.tsx'
import { ProfileForm } from './profile-form.tsx'
import { SessionList } from './session-list.tsx'

/** All that belongs to the account itself. */
export function AccountPage() {
  const user = useUser()
  return (
    <Page title="Account" subtitle={user?.email} width={760}>
      {user ? (
        <Stack gap="lg">
          <ProfileForm key={user.id} user={user} />
          <PasswordForm email={user.email} />
          <SessionList />
          <DownloadData />
          <DeleteAccount />
        </Stack>
      ) : (
        <LoadingState label="Loading the account" shape="form" />
      )}
    </Page>
  )
}
