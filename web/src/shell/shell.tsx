import { AppShell, Box, Burger, Group, ScrollArea } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { Outlet, useRouterState } from '@tanstack/react-router'
import { useEffect, useRef } from 'react'
import { BackupBanner } from '../admin/backup-banner.tsx'
import { useUser } from '../auth/session.ts'
import { LimitBanner } from '../limits/limit-banner.tsx'
import { ButtonLink, TextLink } from '../ui/links.tsx'
import { PageAnnouncer } from '../ui/page-title.tsx'
import { AccountMenu } from './account-menu.tsx'
import { ColorSchemeButton } from './color-scheme-button.tsx'
import { Logo } from './logo.tsx'
import { Navigation } from './navigation.tsx'

/** What every page stands in: header, and for signed-in people the menu. */
export function Shell() {
  const user = useUser()
  const [isMenuOpen, menu] = useDisclosure(false)
  useFocusOnNavigation()
  return (
    <>
      <a className="ax-skip" href="#content">
        Skip to the content
      </a>
      <PageAnnouncer />
      <AppShell
        header={{ height: 62 }}
        navbar={{ width: 232, breakpoint: 'md', collapsed: { mobile: !isMenuOpen || !user, desktop: !user } }}
        padding={0}
        withBorder={false}
      >
        <AppShell.Header style={{ background: 'var(--ax-page)', borderBottom: '1px solid var(--ax-line)' }}>
          <Group h="100%" px={{ base: 'md', sm: 'lg' }} justify="space-between" wrap="nowrap">
            <Group gap="sm" wrap="nowrap">
              {user && (
                <Burger
                  opened={isMenuOpen}
                  onClick={menu.toggle}
                  hiddenFrom="md"
                  size="sm"
                  aria-label={isMenuOpen ? 'Close the menu' : 'Open the menu'}
                  aria-expanded={isMenuOpen}
                />
              )}
              <Logo isShort={user === null} />
            </Group>
            <Group gap="xs" wrap="nowrap">
              {user === null && <StrangerLinks />}
              <ColorSchemeButton />
              {user && <AccountMenu user={user} />}
            </Group>
          </Group>
        </AppShell.Header>
        {user && (
          <AppShell.Navbar
            aria-label="Main menu"
            p="sm"
            pt="lg"
            style={{ background: 'var(--ax-page)', borderRight: '1px solid var(--ax-line)' }}
          >
            <ScrollArea>
              <Navigation user={user} onNavigate={menu.close} />
            </ScrollArea>
          </AppShell.Navbar>
        )}
        <AppShell.Main id="content" tabIndex={-1} style={{ background: 'var(--ax-page)', outline: 'none' }}>
          <Box px={{ base: 'md', sm: 'xl' }} py={{ base: 'lg', sm: 36 }}>
            {user?.role === 'admin' && <BackupBanner />}
            {user && <LimitBanner />}
            <Outlet />
          </Box>
        </AppShell.Main>
      </AppShell>
    </>
  )
}

function StrangerLinks() {
  return (
    <Group gap="sm" wrap="nowrap" component="nav" aria-label="Main menu">
      <TextLink to="/agents" size="sm" fw={600} c="var(--mantine-color-text)" px="xs" visibleFrom="sm">
        Catalogue
      </TextLink>
      <TextLink to="/plans" size="sm" fw={600} c="var(--mantine-color-text)" px="xs" visibleFrom="sm">
        Plans
      </TextLink>
      <ButtonLink to="/sign-in" variant="subtle" size="sm" px="sm">
        Sign in
      </ButtonLink>
      <ButtonLink to="/sign-up" size="sm" px="md">
        Sign up
      </ButtonLink>
    </Group>
  )
}

/** After a change of page the keyboard starts at the new content, not where the old link was. */
function useFocusOnNavigation(): void {
  const path = useRouterState({ select: (state) => state.resolvedLocation?.pathname })
  const previous = useRef(path)
  useEffect(() => {
    const isNavigation = previous.current !== undefined && previous.current !== path
    previous.current = path
    const content = document.getElementById('content')
    // A page that put the focus into a field of its own knows better.
    if (isNavigation && content && !content.contains(document.activeElement)) content.focus({ preventScroll: true })
  }, [path])
}
