import { Button, Checkbox, Group, Text } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Section } from '../../account/section.tsx'
import { countOf } from '../../agent-logs/format-run.ts'
import { api } from '../../api.ts'
import { useUser } from '../../auth/session.ts'
import { toastDone } from '../../ui/toast.ts'
import { ActionDialog } from '../action-dialog.tsx'
import { refreshAdmin } from './refresh-admin.ts'
import type { AdminUserDetail } from './user-queries.ts'

type Dialog = 'suspend' | 'restore' | 'promote' | 'demote' | 'sign-out'

/** What an admin can do to an account; each says first what will happen. */
export function AccountActions({ detail }: { detail: AdminUserDetail }) {
  const { user } = detail
  const isMe = useUser()?.id === user.id
  const [dialog, setDialog] = useState<Dialog | null>(null)
  const close = () => setDialog(null)
  const isSuspended = user.suspended_at !== null
  return (
    <Section
      title="Account"
      description={isMe ? 'This is you: nobody locks themselves out or takes their own rights away.' : undefined}
    >
      <Group gap="sm">
        <Button variant="default" disabled={isMe} onClick={() => setDialog(isSuspended ? 'restore' : 'suspend')}>
          {isSuspended ? 'Let in again' : 'Suspend'}
        </Button>
        <Button
          variant="default"
          disabled={isMe}
          onClick={() => setDialog(user.role === 'admin' ? 'demote' : 'promote')}
        >
          {user.role === 'admin' ? 'Make a user' : 'Make an admin'}
        </Button>
        <Button variant="default" onClick={() => setDialog('sign-out')}>
          Sign out everywhere
        </Button>
      </Group>
      <ChangeDialog dialog={dialog} onClose={close} user={user} />
      <SignOutDialog isOpen={dialog === 'sign-out'} onClose={close} detail={detail} />
    </Section>
  )
}

const changes = {
  suspend: {
    title: 'Suspend',
    body: { is_suspended: true },
    effect:
      'They are signed out at once and cannot sign in; their API keys stop working. Nothing of theirs is deleted, and what they pay goes on: end the subscription if it should not.',
    done: 'is suspended.',
  },
  restore: {
    title: 'Let in again',
    body: { is_suspended: false },
    effect: 'They can sign in again, and their API keys work again.',
    done: 'can sign in again.',
  },
  promote: {
    title: 'Make an admin of',
    body: { role: 'admin' },
    effect:
      'They see all accounts, plans, prices and this audit log, can change them, and can take your rights away. No plan limits them any more.',
    done: 'is an admin now.',
  },
  demote: {
    title: 'Take the rights of an admin from',
    body: { role: 'user' },
    effect: 'They keep their account and everything in it. The limits of their plan hold for them from now on.',
    done: 'is a user now.',
  },
} as const

function ChangeDialog({
  dialog,
  onClose,
  user,
}: {
  dialog: Dialog | null
  onClose: () => void
  user: AdminUserDetail['user']
}) {
  const queryClient = useQueryClient()
  const change = dialog !== null && dialog !== 'sign-out' ? changes[dialog] : null
  // While the dialog closes it keeps its words.
  const [shown, setShown] = useState(change)
  if (change !== null && change !== shown) setShown(change)
  const submit = async () => {
    if (!change) return
    await api('PATCH /api/v1/admin/users/:id', { params: { id: user.id }, body: change.body })
    toastDone(`${user.email} ${change.done}`)
    await refreshAdmin(queryClient)
  }
  return (
    <ActionDialog
      isOpen={change !== null}
      onClose={onClose}
      title={`${shown?.title ?? ''} ${user.email}?`}
      submitLabel={
        shown === changes.suspend ? 'Suspend' : shown === changes.restore ? 'Let in again' : 'Change the role'
      }
      isDangerous={shown === changes.suspend || shown === changes.demote}
      onSubmit={submit}
    >
      <Text>{shown?.effect}</Text>
    </ActionDialog>
  )
}

function SignOutDialog({ isOpen, onClose, detail }: { isOpen: boolean; onClose: () => void; detail: AdminUserDetail }) {
  const [withKeys, keys] = useDisclosure(false)
  const queryClient = useQueryClient()
  const { user, sessions, api_keys } = detail
  const signOut = async () => {
    const ended = await api('POST /api/v1/admin/users/:id/sign-out', {
      params: { id: user.id },
      query: { api_keys: withKeys ? 'true' : 'false' },
    })
    const revoked = ended.api_keys > 0 ? ` ${countOf(ended.api_keys, 'API key')} revoked.` : ''
    toastDone(`${countOf(ended.sessions, 'session')} of ${user.email} ended.${revoked}`)
    keys.close()
    await refreshAdmin(queryClient)
  }
  return (
    <ActionDialog
      isOpen={isOpen}
      onClose={onClose}
      title={`Sign ${user.email} out everywhere?`}
      submitLabel="Sign out everywhere"
      isDangerous
      onSubmit={signOut}
    >
      <Text>
        {sessions === 0
          ? 'They are signed in nowhere at the moment.'
          : `${countOf(sessions, 'session')} end within a second.`}{' '}
        They can sign in again with their password.
      </Text>
      <Checkbox
        label="Revoke their API keys too"
        description={
          api_keys === 0
            ? 'They have none that works.'
            : `${countOf(api_keys, 'key')}: programs that use ${api_keys === 1 ? 'it' : 'them'} stop working for good.`
        }
        checked={withKeys}
        onChange={keys.toggle}
      />
    </ActionDialog>
  )
}
