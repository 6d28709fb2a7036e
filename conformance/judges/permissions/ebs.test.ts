import { EBS_LIVES } from './ebs-lives';
import { playAll } from './lives';

playAll(EBS_LIVES);
