import './theme.css';
import { takeLink } from '@hearth/sdk';
import { mount } from 'svelte';
import App from './App.svelte';

const link = takeLink();
const target = document.getElementById('app');
if (target) mount(App, { target, props: { link } });
