import { ActionIcon, type ActionIconProps, Anchor, type AnchorProps, Button, type ButtonProps } from '@mantine/core'
import { createLink } from '@tanstack/react-router'
import type { AnchorHTMLAttributes, Ref } from 'react'

type Extra = Omit<AnchorHTMLAttributes<HTMLAnchorElement>, 'color' | 'style' | 'size'> & {
  ref?: Ref<HTMLAnchorElement>
}

/** Mantine's looks on the router's links: they prefetch, open in a new tab by middle click and have typed addresses. */
export const TextLink = createLink(function TextLink(props: AnchorProps & Extra) {
  return <Anchor {...props} />
})

export const ButtonLink = createLink(function ButtonLink(props: ButtonProps & Extra) {
  return <Button component="a" {...props} />
})

export const IconLink = createLink(function IconLink(props: ActionIconProps & Extra) {
  return <ActionIcon component="a" {...props} />
})
