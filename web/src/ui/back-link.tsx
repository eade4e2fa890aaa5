import { Group } from '@mantine/core'
import { IconArrowLeft } from '@tabler/icons-react'
import type { LinkProps } from '@tanstack/react-router'
import { TextLink } from './links.tsx'

/** The way back, above a heading. */
export function BackLink({ to, params, label }: { to: LinkProps['to']; params?: LinkProps['params']; label: string }) {
  return (
    <TextLink to={to} params={params as never} size="sm" c="dimmed" mb="xs" display="inline-block">
      <Group gap={6} component="span">
        <IconArrowLeft size={15} aria-hidden />
        {label}
      </Group>
    </TextLink>
  )
}
