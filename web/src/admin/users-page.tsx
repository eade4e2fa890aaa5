import { Avatar, Badge, Button, Card, Group, Select, Stack, Text, TextInput } from '@mantine/core'
import { useDebouncedValue, useDisclosure } from '@mantine/hooks'
import { IconSearch, IconUsers } from '@tabler/icons-react'
import {
  infiniteQueryOptions,
  keepPreviousData,
  useInfiniteQuery,
  useMutation,
  useQueryClient,
} from '@tanstack/react-query'
import { useState } from 'react'
import type { AdminUser } from '../../../api-client/src/api-types.ts'
import { api } from '../api.ts'
import { useUser } from '../auth/session.ts'
import { nameOfUser } from '../shell/account-menu.tsx'
import { Confirm } from '../ui/confirm.tsx'
import { EmptyState } from '../ui/empty-state.tsx'
import { ErrorState } from '../ui/error-state.tsx'
import { LoadMore } from '../ui/load-more.tsx'
import { LoadingState } from '../ui/loading-state.tsx'
import { Page } from '../ui/page.tsx'
import { Time } from '../ui/time.tsx'
import { toastDone, toastError } from '../ui/toast.ts'
import { AdminOnly } from './admin-only.tsx'

const title = 'Users'

export function UsersPage() {
  return (
    <AdminOnly title={title}>
      <Users />
    </AdminOnly>
  )
}

function usersQuery(search: string) {
  return infiniteQueryOptions({
    queryKey: ['admin-users', search],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam, signal }) =>
      api('GET /api/v1/admin/users', { query: { search: search || undefined, cursor: pageParam }, signal }),
    getNextPageParam: (page) => page.next_cursor ?? undefined,
  })
}

function Users() {
  const [typed, setTyped] = useState('')
  const [search] = useDebouncedValue(typed.trim(), 250)
  const query = useInfiniteQuery({ ...usersQuery(search), placeholderData: keepPreviousData })
  const users = query.data?.pages.flatMap((page) => page.data) ?? []
  return (
    <Page title={title} subtitle="Everybody who has an account here.">
      <TextInput
        aria-label="Search users"
        placeholder="E-mail or name"
        type="search"
        maw={420}
        maxLength={100}
        leftSection={<IconSearch size={18} aria-hidden />}
        value={typed}
        onChange={(event) => setTyped(event.currentTarget.value)}
      />
      {query.isPending && <LoadingState label="Loading the users" />}
      {query.isError && (
        <ErrorState error={query.error} onRetry={() => query.refetch()} isRetrying={query.isFetching} />
      )}
      {query.isSuccess && users.length === 0 && (
        <EmptyState icon={IconUsers} title="Nobody fits that">
          Try a shorter part of the e-mail or name.
        </EmptyState>
      )}
      <Stack gap="sm">
        {users.map((user) => (
          <UserRow key={user.id} user={user} />
        ))}
        <LoadMore hasMore={query.hasNextPage} isLoading={query.isFetchingNextPage} onLoad={query.fetchNextPage} />
      </Stack>
    </Page>
  )
}

function UserRow({ user }: { user: AdminUser }) {
  const isMe = useUser()?.id === user.id
  const [isSuspending, suspension] = useDisclosure(false)
  const queryClient = useQueryClient()
  const isSuspended = user.suspended_at !== null
  const change = async (body: { role?: 'user' | 'admin'; is_suspended?: boolean }) => {
    await api('PATCH /api/v1/admin/users/:id', { params: { id: user.id }, body })
    await queryClient.invalidateQueries({ queryKey: ['admin-users'] })
  }
  const setRole = useMutation({
    mutationFn: (role: 'user' | 'admin') => change({ role }),
    onSuccess: (_, role) => toastDone(`${user.email} is now ${role === 'admin' ? 'an admin' : 'a user'}.`),
    onError: toastError,
  })
  const restore = useMutation({
    mutationFn: () => change({ is_suspended: false }),
    onSuccess: () => toastDone(`${user.email} can sign in again.`),
    onError: toastError,
  })
  return (
    <Card component="article" aria-label={user.email} padding="md">
      <Group justify="space-between" gap="md">
        <Group wrap="nowrap" gap="sm" flex="1 1 280px" miw={0}>
          <Avatar name={nameOfUser(user)} color="spruce" alt="" />
          <div style={{ minWidth: 0 }}>
            <Group gap="xs">
              <Text fw={600} style={{ overflowWrap: 'anywhere' }}>
                {user.email}
              </Text>
              {isMe && <Badge color="gray">You</Badge>}
              {isSuspended && <Badge color="red">Suspended</Badge>}
            </Group>
            <Text size="sm" c="dimmed">
              {nameOfUser(user)} · since <Time value={user.created_at} />
            </Text>
          </div>
        </Group>
        <Group gap="sm" wrap="nowrap">
          <Select
            aria-label={`Role of ${user.email}`}
            w={120}
            data={[
              { value: 'user', label: 'User' },
              { value: 'admin', label: 'Admin' },
            ]}
            value={user.role}
            allowDeselect={false}
            disabled={setRole.isPending || isMe}
            onChange={(next) => (next === 'user' || next === 'admin') && setRole.mutate(next)}
          />
          {isSuspended ? (
            <Button
              variant="light"
              onClick={() => restore.mutate()}
              loading={restore.isPending}
              aria-label={`Let ${user.email} in again`}
            >
              Let in again
            </Button>
          ) : (
            <Button variant="default" onClick={suspension.open} disabled={isMe} aria-label={`Suspend ${user.email}`}>
              Suspend
            </Button>
          )}
        </Group>
      </Group>
      <Confirm
        isOpen={isSuspending}
        onClose={suspension.close}
        title={`Suspend ${user.email}?`}
        confirmLabel="Suspend"
        onConfirm={() => change({ is_suspended: true })}
      >
        They are signed out at once and cannot sign in. Nothing of theirs is deleted.
      </Confirm>
    </Card>
  )
}
