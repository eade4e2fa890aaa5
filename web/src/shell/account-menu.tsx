import { Avatar, Menu, Text, UnstyledButton } from '@mantine/core'
import { IconBook2, IconLogout, IconUser, IconUserCircle } from '@tabler/icons-react'
import { useNavigate } from '@tanstack/react-router'
import type { User } from '../../../api-client/src/api-types.ts'
import { signOut } from '../auth/session.ts'

/** What people call them: their name, or the part of the e-mail before the @. */
export function nameOfUser(user: Pick<User, 'first_name' | 'last_name' | 'email'>): string {
  const name = [user.first_name, user.last_name].filter(Boolean).join(' ')
  return name || (user.email.split('@')[0] ?? user.email)
}

export function AccountMenu({ user }: { user: User }) {
  const navigate = useNavigate()
  const leave = async () => {
    await signOut()
    await navigate({ to: '/' })
  }
  return (
    <Menu position="bottom-end" width={240}>
      <Menu.Target>
        <UnstyledButton aria-label="Account menu" style={{ borderRadius: '50%' }}>
          <Avatar src={user.avatar_url} color="spruce" alt="" imageProps={{ referrerPolicy: 'no-referrer' }}>
            <IconUser size={21} stroke={1.7} aria-hidden />
          </Avatar>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <Text size="sm" fw={600} truncate c="var(--mantine-color-text)">
            {nameOfUser(user)}
          </Text>
          <Text size="xs" truncate>
            {user.email}
          </Text>
        </Menu.Label>
        <Menu.Item
          leftSection={<IconUserCircle size={18} aria-hidden />}
          onClick={() => void navigate({ to: '/account' })}
        >
          Account
        </Menu.Item>
        <Menu.Item component="a" href="/docs" leftSection={<IconBook2 size={18} aria-hidden />}>
          API reference
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={18} aria-hidden />} onClick={() => void leave()}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  )
}
