import { EFS_LIVES } from './efs-lives';
import { playAll } from './lives';

playAll(EFS_LIVES);
